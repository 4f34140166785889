#include "tests/fakes/fake_nccl.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "parallel/core/nccl/library.h"
#include "tests/fakes/nccl_control.h"

namespace eta::parallel {
namespace {

template <class Function>
Function* Find(const char* name) {
  void* const library = dlopen(kFakeNccl, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    ADD_FAILURE() << dlerror();
    std::abort();
  }
  return reinterpret_cast<Function*>(dlsym(library, name));
}

}  // namespace

FakeNccl::FakeNccl(const std::string& plan) {
  setenv(nccl::kPathVariable, kFakeNccl, 1);
  EXPECT_EQ(Find<decltype(fakeNcclSetPlan)>("fakeNcclSetPlan")(plan.c_str()), 0) << plan;
}

FakeNccl::~FakeNccl() {
  unsetenv(nccl::kPathVariable);
  EXPECT_EQ(Find<decltype(fakeNcclLiveCommunicators)>("fakeNcclLiveCommunicators")(), 0);
  EXPECT_EQ(live_registrations(), 0);
}

int FakeNccl::registrations() const {
  return Find<decltype(fakeNcclRegistrations)>("fakeNcclRegistrations")();
}

int FakeNccl::live_registrations() const {
  return Find<decltype(fakeNcclLiveRegistrations)>("fakeNcclLiveRegistrations")();
}

}  // namespace eta::parallel
