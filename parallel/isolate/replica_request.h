// What a program asks for with (with-replicas n thunk [option value ...]).
#pragma once

#include <string>

#include "base/expected.h"
#include "parallel/isolate/isolate_group.h"
#include "vm/vm.h"

namespace eta::parallel {

struct ReplicaRequest {
  int threads = 0;  // of each replica; 0: its share of the program's
  GroupOptions
      group;  // how many, and all that the options say; the program's own where they do not
};

// The arguments of with-replicas. Error: what is wrong with them.
Expected<ReplicaRequest, std::string> ReadReplicaRequest(const Vm& vm, Args args);

}  // namespace eta::parallel
