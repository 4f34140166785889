// Watch: what the procedures of a program look at while it is on, and whether they do anything but
// compute a result; so that somebody can tell later whether they would do the same again.
//
//   Watch watch(vm, judge);
//   { const Watch::Scope scope(watch);  vm.Call(procedure, arguments); }
//   if (watch.objection().empty()) readings = watch.TakeReadings();
//   ...
//   if (readings.Hold(vm)) ...  // the procedure would do the same with the same arguments
//
// A program that is not watched pays nothing: the interpreter has a second loop for this.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vm/code.h"
#include "vm/native.h"

namespace eta {

// Variables and elements of vectors, with what was in them; and whether lists were looked at.
// Thread safety: the VM's thread. Whoever keeps it past the Watch has it traced.
class Readings {
 public:
  // Whether all is still there. Lists count as changed when any pair of the program was. Takes no
  // memory.
  bool Hold(Vm& vm) const { return FirstChange(vm) == readings_.size() && ListsHold(vm); }
  // What is not: "the variable x".
  std::string Change(Vm& vm) const;
  void Trace(Marker& marker) const;

 private:
  friend class Watch;
  struct Reading {
    Value owner;  // a box or a vector; (): the reading is of a global variable
    uint64_t index;
    Value value;
  };
  static Value Now(Vm& vm, const Reading& reading);
  size_t FirstChange(Vm& vm) const;
  bool ListsHold(const Vm& vm) const;

  std::vector<Reading> readings_;
  bool lists_ = false;
  uint64_t pair_changes_ = 0;  // Vm::pair_changes when it began
};

// Thread safety: the VM's thread. Watches of one VM nest; the innermost that is on sees what is
// done.
class Watch {
 public:
  // Says what speaks against calling a native with these arguments, or nothing.
  using Judge = std::function<std::string(const NativeDef& native, Args args)>;

  Watch(Vm& vm, Judge judge);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // It is on while one is in scope.
  class Scope {
   public:
    explicit Scope(Watch& watch) : watch_(watch), before_(std::exchange(watch.on_, true)) {}
    ~Scope() { watch_.on_ = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Watch& watch_;
    const bool before_;
  };

  // Why what was done is not known by what was read, the first reason; empty: it is.
  const std::string& objection() const { return objection_; }
  void Object(std::string objection);
  Readings TakeReadings() { return std::move(readings_); }

  bool on() const { return on_; }
  // What the interpreter is about to do: the instruction at `pc` of `closure`, in the frame R.
  void See(const Word* pc, const Value* R, const ClosureObject* closure);
  void SeeCall(Value callee, Args args);
  void Trace(Marker& marker) const;

 private:
  void Read(Value owner, uint64_t index, Value value);
  void ReadBox(Value box);
  void ReadElement(Value vector, Value index);
  void SetBox(Value box);
  void SeeApply(const Value* window, size_t count);

  Vm& vm_;
  const Judge judge_;
  Watch* const outer_;
  bool on_ = false;
  std::string objection_;
  Readings readings_;
  std::set<std::pair<uint64_t, uint64_t>> known_;  // owners and indices of the readings
  std::set<uint64_t> own_boxes_;                   // made while it was on
  const Value* new_box_ = nullptr;                 // where the next instruction finds one
};

}  // namespace eta
