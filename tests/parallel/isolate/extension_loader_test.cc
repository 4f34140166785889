#include "parallel/isolate/extension_loader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "parallel/isolate/placement.h"
#include "tests/parallel/isolate/group_runner.h"
#include "vm/diagnostics.h"

namespace eta::parallel {
namespace {

constexpr std::string_view kNames[] = {"extension/answer"};

std::shared_ptr<ExtensionLoader> Extension() {
  return std::make_shared<ExtensionLoader>("tests/parallel/isolate/extension/libextension.so");
}

// Runs a program to which `loader` offers kNames; the error, or "".
std::string RunProgram(const std::shared_ptr<ExtensionLoader>& loader, const std::string& program) {
  Vm vm({});
  ExtensionLoader::Offer(loader, kNames, vm);
  return vm.RunText(program, "script.eta") ? "" : RenderFailure(vm, {});
}

TEST(ExtensionLoaderTest, TheFirstUseOfANameLoadsTheExtension) {
  EXPECT_EQ(RunProgram(Extension(), "(if (not (= (extension/answer) 42)) (error \"wrong\"))"), "");
}

TEST(ExtensionLoaderTest, AProgramThatUsesNoneOfTheNamesDoesNotNeedIt) {
  EXPECT_EQ(RunProgram(std::make_shared<ExtensionLoader>("/nowhere/libextension.so"), "(+ 1 2)"),
            "");
}

TEST(ExtensionLoaderTest, LimitsSpinningUnlessTheUserHasDecided) {
  unsetenv("GOMP_SPINCOUNT");
  setenv("OMP_WAIT_POLICY", "active", 1);
  Extension();
  EXPECT_EQ(getenv("GOMP_SPINCOUNT"), nullptr);
  unsetenv("OMP_WAIT_POLICY");
  Extension();
  EXPECT_STREQ(getenv("GOMP_SPINCOUNT"), "5000");
  setenv("GOMP_SPINCOUNT", "7", 1);
  Extension();
  EXPECT_STREQ(getenv("GOMP_SPINCOUNT"), "7");
}

TEST(ExtensionLoaderTest, AMissingLibraryIsAnErrorAtTheName) {
  const auto loader = std::make_shared<ExtensionLoader>("/nowhere/libextension.so");
  const std::string error = RunProgram(loader, "\n(extension/answer)");
  EXPECT_TRUE(error.starts_with(
      "error [script.eta:2:2]: extension/answer: cannot load the tensor extension: "
      "/nowhere/libextension.so: "))
      << error;
}

TEST(ExtensionLoaderTest, OtherUnknownNamesAreNotBlamedOnIt) {
  const auto loader = std::make_shared<ExtensionLoader>("/nowhere/libextension.so");
  const std::string error = RunProgram(loader, "(extension/unknown)");
  EXPECT_TRUE(error.starts_with("error [script.eta:1:2]: Undefined symbol: extension/unknown"))
      << error;
}

TEST(ExtensionLoaderTest, ALibraryWithoutTheEntryIsAnError) {
  const std::string error =
      RunProgram(std::make_shared<ExtensionLoader>("libm.so.6"), "(extension/answer)");
  EXPECT_NE(error.find("eta_install_tensors"), std::string::npos) << error;
}

TEST(ExtensionLoaderTest, HandsOutTheExtensionsDevices) {
  const auto ops = Extension()->MakeDeviceOps();
  ASSERT_TRUE(ops) << ops.error();
  const auto stream = (*ops)->MakeStream({Device::Kind::kCuda, 0});
  ASSERT_TRUE(stream);
  EXPECT_NE((*stream)->native(), nullptr);
}

// A run is placed, started and ended on them.
TEST(ExtensionLoaderTest, ReplicasMayShareADevice) {
  GroupOptions options;
  options.size = 3;
  options.devices = *PlaceReplicas({.kind = DeviceChoice::Kind::kGpus, .gpus = {0}}, 3, 1);
  options.device_ops = *Extension()->MakeDeviceOps();
  options.show_backend = true;
  const GroupRun run = RunGroup(std::move(options),
                                "(import std.core std.io std.parallel) (barrier)"
                                "(println (all-gather-value (* 2 (rank))))");
  EXPECT_EQ(run.exit_code, 0) << run.diagnostic;
  EXPECT_EQ(run.output, "(0 2 4)\n");
  EXPECT_EQ(run.notes, "") << "there is nothing to say about NCCL";
}

TEST(ExtensionLoaderTest, WithoutTheExtensionThereAreNoDevices) {
  const auto ops = ExtensionLoader("/nowhere/libextension.so").MakeDeviceOps();
  ASSERT_FALSE(ops);
  EXPECT_TRUE(
      ops.error().starts_with("cannot load the tensor extension: /nowhere/libextension.so: "))
      << ops.error();
}

TEST(ExtensionLoaderTest, SeveralVmsLoadItAtTheSameTime) {
  const auto loader = Extension();
  std::vector<std::string> errors(4, "not run");
  std::vector<std::thread> threads;
  for (std::string& error : errors) {
    threads.emplace_back([&] { error = RunProgram(loader, "(extension/answer)"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(errors, std::vector<std::string>(4));
}

TEST(ExtensionPathTest, IsBesideTheProgram) {
  EXPECT_TRUE(ExtensionPath().starts_with("/"));
  EXPECT_TRUE(ExtensionPath().ends_with("/libeta_tensor.so"));
}

}  // namespace
}  // namespace eta::parallel
