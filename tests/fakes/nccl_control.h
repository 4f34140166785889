// What the fake NCCL exports besides NCCL's functions, for tests that share its process. Programs
// that are run with it take their plan from FAKE_NCCL_PLAN instead.
#pragma once

extern "C" {

// What goes wrong from now on; see nccl_plan.h. Nonzero if the plan makes no sense.
int fakeNcclSetPlan(const char* plan);
// Communicators, and registrations of memory, that were not given up.
int fakeNcclLiveCommunicators();
int fakeNcclLiveRegistrations();
// Registrations since the plan was set.
int fakeNcclRegistrations();
}
