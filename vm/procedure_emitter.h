// ProcedureEmitter: the code of one procedure. For the emitter's own sources: vm/emitter.cc has
// expressions, bindings and calls, vm/branch_emitter.cc branches and loops.
#pragma once

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "vm/ast.h"
#include "vm/code_builder.h"
#include "vm/node_shapes.h"

namespace eta {

class Vm;

// Destinations other than a register.
inline constexpr int kReturn = -1;  // tail position: return the value
inline constexpr int kEffect = -2;  // the value is not wanted

class ProcedureEmitter {
 public:
  ProcedureEmitter(Vm& vm, const LambdaNode& lambda, bool is_builtin);

  Result<CodeObject*> Run();

 private:
  // A loop while its body is emitted.
  struct OpenLoop {
    const Node* node;
    const Node* test;  // repeated where an iteration ends; null: control goes to the header
    Label header;
    Label then, otherwise;  // the ways on from the test
  };
  // Restores the register stack when an expression is done with its temporaries.
  class Temporaries {
   public:
    explicit Temporaries(CodeBuilder& out) : out_(out), mark_(out.next_register()) {}
    ~Temporaries() { out_.Release(mark_); }

   private:
    CodeBuilder& out_;
    const int mark_;
  };

  void Emit(const Node* node, int dst);
  void EmitSimple(const Node* node, int dst);
  int Operand(const Node* node);
  bool IsStable(const Variable* variable) const;
  void LoadConstant(const Datum* datum, int dst);
  void LoadVariable(const Variable* variable, int dst);
  void StoreVariable(const Variable* variable, int src);
  uint32_t CaptureIndex(const Variable* variable);
  void BoxIfNeeded(const Variable* variable);
  void LoadProcedure(const LambdaNode& inner, int dst);
  void EmitValues(const Node* node, int dst);
  void BindInits(const Node* node);
  void EmitLet(const Node* node, int dst);
  void EmitLetrec(const Node* node, int dst);
  void PatchSiblings(const Node* letrec);
  void EmitCall(const Node* node, int dst);
  void EmitPrimitive(const Node* node, const Primitive& primitive, int dst);
  void EmitArithmetic(const Node* node, const Primitive& primitive, int dst);
  void Combine(const Primitive& primitive, int dst, int left, const Node* right);
  bool EmitIndexed(const Node* node, const Primitive& primitive, int value);
  static std::optional<uint32_t> Immediate(const Primitive& primitive, const Node* right);
  std::optional<uint32_t> ShortConstant(const Primitive& primitive, const Node* right);
  int Window(int dst, int registers);
  void EmitWindowCall(const Node* node, Op call, Op tail_call, int dst);
  void FinishCall(int window, size_t count, Op call, Op tail_call, int dst);
  void MoveResult(int from, int dst);
  void EmitLongCall(const Node* node, int dst);
  void EmitReverse(int list);
  void EmitCallWithValues(const Node* node, int dst);
  void EmitCallCc(const Node* node, int dst);
  void EmitDynamicWind(const Node* node, int dst);
  void EmitWithHandler(const Node* node, int dst);
  void CallThunk(int window, int thunk);
  void EmitCatch(const Node* node, int dst);
  void EmitRaise(const Node* node);
  Value TagValue(const Node* node);

  // Branches and loops.
  void EmitLoop(const Node* node, int dst);
  const Node* TestToRepeat(const Node* loop) const;
  void EmitAgain(const Node* node);
  void JumpBack(OpenLoop& loop);
  static std::vector<size_t> ChangedVariables(const Node* again);
  std::vector<size_t>::iterator FindInPlace(const Node* again, std::vector<size_t>& pending);
  bool IsOneInstruction(const Node* node) const;
  bool ReadsRegisters(const Node* call) const;
  void EmitIf(const Node* node, int dst);
  void EmitIf(const Node* node, int dst, Label& then, Label& otherwise);
  void Test(const Node* node, bool sense, Label& target);
  static Op Branch(Op unless, bool sense);
  void TestPrimitive(const Node* node, const Primitive& primitive, bool sense, Label& target);
  void TestIf(const Node* node, bool sense, Label& target);
  void TestOr(const Node* node, bool sense, Label& target);
  void EmitTruth(const Node* node, int dst);

  Vm& vm_;
  const LambdaNode& lambda_;
  const bool is_builtin_;
  CodeBuilder out_;
  std::deque<OpenLoop> loops_;  // enclosing loops, innermost last
  std::optional<Diagnostic> error_;
};

}  // namespace eta
