#include "parallel/core/nccl/library.h"

#include <gtest/gtest.h>

#include <string>

#include "parallel/core/backends.h"
#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"

// Where NCCL's own header is installed, our declarations are held against it.
#if __has_include(<nccl.h>) && __has_include(<cuda_runtime.h>)
#include <nccl.h>

#include <type_traits>

namespace eta::parallel::nccl {
namespace {

static_assert(sizeof(UniqueId) == sizeof(ncclUniqueId));
static_assert(sizeof(Config) <= sizeof(ncclConfig_t));
static_assert(offsetof(Config, magic) == offsetof(ncclConfig_t, magic));
static_assert(offsetof(Config, version) == offsetof(ncclConfig_t, version));
static_assert(offsetof(Config, blocking) == offsetof(ncclConfig_t, blocking));
static_assert(offsetof(Config, max_ctas) == offsetof(ncclConfig_t, maxCTAs));
static_assert(offsetof(Config, net_name) == offsetof(ncclConfig_t, netName));
static_assert(offsetof(Config, split_share) == offsetof(ncclConfig_t, splitShare));
static_assert(kOldestVersion == NCCL_VERSION(2, 19, 0));
static_assert(static_cast<int>(Answer::kInProgress) == ncclInProgress);
static_assert(static_cast<int>(Answer::kInvalidUsage) == ncclInvalidUsage);
static_assert(static_cast<int>(DataTypeOf(DType::kFloat64)) == ncclFloat64);
static_assert(static_cast<int>(DataTypeOf(DType::kFloat32)) == ncclFloat32);
static_assert(static_cast<int>(DataTypeOf(DType::kFloat16)) == ncclFloat16);
static_assert(static_cast<int>(DataTypeOf(DType::kBFloat16)) == ncclBfloat16);
static_assert(static_cast<int>(DataTypeOf(DType::kInt64)) == ncclInt64);
static_assert(static_cast<int>(DataTypeOf(DType::kInt32)) == ncclInt32);
static_assert(static_cast<int>(DataTypeOf(DType::kUInt8)) == ncclUint8);
static_assert(static_cast<int>(DataTypeOf(DType::kBool)) == ncclUint8);
static_assert(static_cast<int>(RedOpOf(ReduceOp::kSum)) == ncclSum);
static_assert(static_cast<int>(RedOpOf(ReduceOp::kMax)) == ncclMax);
static_assert(static_cast<int>(RedOpOf(ReduceOp::kMin)) == ncclMin);

// Each parameter of our function is passed as NCCL's is: of the same size and kind.
template <class T>
constexpr int kKind = std::is_pointer_v<T> ? 1
                      : std::is_class_v<T> ? 2
                                           : 3;
template <class Ours, class Theirs>
constexpr bool kSameCall = false;
template <class R, class... A, class S, class... B>
constexpr bool kSameCall<R (*)(A...), S(B...)> = sizeof...(A) == sizeof...(B) &&
                                                 sizeof(R) == sizeof(S) &&
                                                 ((sizeof(A) == sizeof(B)) && ...) &&
                                                 ((kKind<A> == kKind<B>)&&...);

#define ETA_NCCL_COMPARE(name, ...) \
  static_assert(kSameCall<decltype(Library::name), decltype(::nccl##name)>);
ETA_NCCL_FUNCTIONS(ETA_NCCL_COMPARE)
ETA_NCCL_OPTIONAL_FUNCTIONS(ETA_NCCL_COMPARE)
#undef ETA_NCCL_COMPARE

}  // namespace
}  // namespace eta::parallel::nccl
#endif

namespace eta::parallel {
namespace {

using nccl::Library;

std::string WhyNot(const std::string& path) {
  const auto library = Library::At(path);
  return library ? "" : library.error().message;
}

TEST(NcclLibraryTest, IsLoadedFromAFileOrAFolder) {
  const auto library = Library::At(kFakeNccl);
  ASSERT_TRUE(library) << library.error().message;
  EXPECT_EQ((*library)->version(), "2.28.9");
  EXPECT_EQ(*Library::At(kFakeNccl), *library);
  EXPECT_EQ(WhyNot("tests/fakes").find("NCCL cannot be used: tests/fakes/libnccl.so.2: "), 0u);
}

TEST(NcclLibraryTest, WhatIsMissingIsSaid) {
  EXPECT_EQ(WhyNot("no/such/library.so").find("NCCL cannot be used: no/such/library.so: "), 0u);
  EXPECT_NE(WhyNot("libm.so.6").find("has no function ncclGetVersion"), std::string::npos);
  EXPECT_EQ((*Library::At(kFakeNccl))->Lacks(), "");
  EXPECT_EQ((*Library::At(kBareNccl))->Lacks(),
            "NCCL 2.28.9 lacks ncclCommRegister (buffers are not registered), ncclCommDeregister "
            "(buffers are not registered)");
}

// A path of its own, since a library is judged once.
TEST(NcclLibraryTest, AnOldOneIsRefused) {
  const FakeNccl nccl("version=21805");
  const std::string path = std::string("./") + kFakeNccl;
  EXPECT_EQ(WhyNot(path), "NCCL cannot be used: " + path +
                              " is version 2.18.5, the oldest that serves is 2.19.0");
}

std::string Chosen(const Places& places) {
  const auto backend = ChooseBackend("nccl", places);
  return backend ? (*backend)->name : backend.error().message;
}

TEST(NcclBackendTest, ServesOneRankPerGpu) {
  const FakeNccl nccl;
  const auto ops = MakeHostDeviceOps();
  const std::vector<Device> two = {{Device::Kind::kCuda, 0}, {Device::Kind::kCuda, 1}};
  const std::vector<Device> shared(2, {Device::Kind::kCuda, 0});
  const std::string refused = "backend 'nccl' cannot serve 2 ranks on these devices: ";
  EXPECT_EQ(Chosen({two, ops.get()}), "nccl");
  EXPECT_EQ(Chosen({two}), refused + "there is no GPU that can be used");
  EXPECT_EQ(Chosen({shared, ops.get()}),
            refused +
                "NCCL wants one GPU for each rank; for ranks of one process that share GPUs there "
                "is gpu-groups");
}

TEST(NcclBackendTest, ServesTheCpuOnlyWhenALibraryIsNamed) {
  const std::vector<Device> cpus(2);
  EXPECT_NE(Chosen({cpus}).find("ETA_NCCL_PATH says where it is"), std::string::npos);
  const FakeNccl nccl;
  EXPECT_EQ(Chosen({cpus}), "nccl");
  EXPECT_STREQ((*ChooseBackend("auto", {cpus}))->name, "local");
}

}  // namespace
}  // namespace eta::parallel
