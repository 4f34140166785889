// The collectives of std.parallel on any value that can be sent (vm/parcel.h), and what they share
// with whatever else sends values. They work in a program that runs alone as well, where the value
// takes the same way: into a parcel and out of it.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "vm/parcel.h"
#include "vm/vm.h"

namespace eta::parallel {

// Defines parallel/broadcast-value and parallel/all-gather-value.
void InstallValueCollectives(Vm& vm);

// The value in a parcel; null after starting the error "NAME: cannot send a port, ...".
std::shared_ptr<const Parcel> PackFor(Vm& vm, const std::string& name, Value value);

// The parcel's value, unrooted, or Failure after starting an error.
Value UnpackFor(Vm& vm, const std::string& name, const Parcel& parcel);
// A list of the values of several, likewise. REQUIRES: none is null.
Value UnpackAllFor(Vm& vm, const std::string& name,
                   std::span<const std::shared_ptr<const Parcel>> parcels);

}  // namespace eta::parallel
