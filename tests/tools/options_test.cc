#include "tools/options.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace eta {
namespace {

using Words = std::vector<std::string>;

Options Parse(const Words& words) {
  auto options = ParseEtaiOptions(words);
  EXPECT_TRUE(options) << options.error();
  return options ? *options : Options{};
}

std::string ErrorOf(const Words& words) {
  auto options = ParseEtaiOptions(words);
  return options ? "no error" : options.error();
}

TEST(OptionsTest, Defaults) {
  const Options options = Parse({"train.eta"});
  EXPECT_EQ(options.file, "train.eta");
  EXPECT_EQ(options.replicas, 1);
  EXPECT_EQ(options.threads, 0);
  EXPECT_EQ(options.dtype, "float64");
  EXPECT_EQ(options.backend, "auto");
  EXPECT_EQ(options.on_failure, parallel::OnFailure::kStop);
  EXPECT_FALSE(options.all_output || options.deterministic || options.split ||
               options.skip_nonfinite || options.disassemble || options.path || options.stats);
  EXPECT_EQ(options.trace, "");
  EXPECT_EQ(options.stall_timeout_s, 30);
  EXPECT_TRUE(options.warnings.empty());
}

TEST(OptionsTest, ReadsEveryOption) {
  const Options options = Parse({"--replicas",
                                 "4",
                                 "--threads=2",
                                 "--dtype",
                                 "float32",
                                 "--output",
                                 "all",
                                 "--split",
                                 "--stall-timeout",
                                 "2.5",
                                 "--on-failure",
                                 "shrink",
                                 "--on-nonfinite",
                                 "skip",
                                 "--trace",
                                 "run.json",
                                 "--stats",
                                 "--path",
                                 "a:b",
                                 "--dump=reader",
                                 "--disasm",
                                 "--backend",
                                 "nccl",
                                 "--deterministic",
                                 "f.eta"});
  EXPECT_EQ(options.replicas, 4);
  EXPECT_EQ(options.threads, 2);
  EXPECT_EQ(options.dtype, "float32");
  EXPECT_EQ(options.backend, "nccl");
  EXPECT_TRUE(options.all_output && options.split && options.skip_nonfinite);
  EXPECT_TRUE(options.deterministic);
  EXPECT_EQ(options.on_failure, parallel::OnFailure::kShrink);
  EXPECT_EQ(options.stall_timeout_s, 2.5);
  EXPECT_EQ(options.trace, "run.json");
  EXPECT_TRUE(options.stats);
  EXPECT_EQ(options.path, "a:b");
  EXPECT_EQ(options.dump, "reader");
  EXPECT_TRUE(options.disassemble);
}

TEST(OptionsTest, ATextStandsForTheFile) {
  const Options options = Parse({"--replicas", "2", "-e", "(display 1)", "a", "--b"});
  EXPECT_EQ(options.expression, "(display 1)");
  EXPECT_EQ(options.arguments, (Words{"a", "--b"}));
  EXPECT_EQ(Parse({"-", "x"}).file, "-");
  EXPECT_TRUE(Parse({"--check", "f.eta"}).check);
  EXPECT_EQ(ErrorOf({"-e"}), "-e needs a value");
}

TEST(OptionsTest, WhatIsNotFiniteMattersToWhoAsksForReplicas) {
  EXPECT_FALSE(Parse({"f.eta"}).heed_nonfinite);
  EXPECT_TRUE(Parse({"--replicas", "1", "f.eta"}).heed_nonfinite);
  EXPECT_TRUE(Parse({"--on-nonfinite", "stop", "f.eta"}).heed_nonfinite);
}

TEST(OptionsTest, WhereReplicasRun) {
  const Options none = Parse({"f.eta"});
  EXPECT_FALSE(none.replicas_given || none.devices_given || none.pin);
  EXPECT_EQ(none.devices, parallel::DeviceChoice{});
  const Options options =
      Parse({"--replicas", "auto", "--devices", "cuda:2,cuda:0", "--pin", "auto", "f.eta"});
  EXPECT_EQ(options.replicas, 0);
  EXPECT_TRUE(options.replicas_given && options.devices_given && options.pin);
  EXPECT_EQ(options.devices.gpus, (std::vector<int>{2, 0}));
  EXPECT_EQ(ErrorOf({"--devices", "gpu", "f.eta"}),
            "--devices: expected auto, cpu or a list like cuda:0,cuda:2, not 'gpu'");
  EXPECT_EQ(ErrorOf({"--pin", "all", "f.eta"}), "--pin: expected off or auto, not 'all'");
}

TEST(OptionsTest, TheLastOfSeveralCounts) {
  EXPECT_EQ(Parse({"--replicas", "2", "--replicas", "3", "f.eta"}).replicas, 3);
}

TEST(OptionsTest, WhatFollowsTheFileIsTheProgramsExceptPath) {
  const Options options = Parse({"f.eta", "a", "--path", "D", "-b", "--", "--path", "x"});
  EXPECT_EQ(options.arguments, (Words{"a", "-b", "--path", "x"}));
  EXPECT_EQ(options.path, "D");
  EXPECT_EQ(Parse({"--", "f.eta", "-x"}).file, "f.eta");
}

TEST(OptionsTest, OwnOptionsAfterTheFileDrawAWarning) {
  const Options options = Parse({"f.eta", "--replicas", "2", "--foo", "--", "--split"});
  EXPECT_EQ(options.arguments, (Words{"--replicas", "2", "--foo", "--split"}));
  EXPECT_EQ(options.warnings,
            (Words{"--replicas is passed to the program: etai's options come before f.eta"}));
  EXPECT_TRUE(Parse({"f.eta", "--help"}).warnings.empty());
}

TEST(OptionsTest, UnknownOptions) {
  EXPECT_EQ(ErrorOf({"--replcas", "2", "f.eta"}),
            "unknown option: --replcas (did you mean '--replicas'?)");
  EXPECT_EQ(ErrorOf({"--banana", "f.eta"}), "unknown option: --banana");
  EXPECT_EQ(ErrorOf({"-x", "f.eta"}), "unknown option: -x");
}

TEST(OptionsTest, NothingIsAbbreviated) {
  EXPECT_EQ(ErrorOf({"--rep", "2", "f.eta"}), "unknown option: --rep");
  EXPECT_EQ(ErrorOf({"--replica", "2", "f.eta"}),
            "unknown option: --replica (did you mean '--replicas'?)");
}

TEST(OptionsTest, BadValues) {
  for (std::string bad : {"0", "-1", "two", "1.5", "257"}) {
    EXPECT_EQ(ErrorOf({"--replicas", bad, "f.eta"}),
              "--replicas: expected auto or a whole number from 1 to 256, not '" + bad + "'");
  }
  EXPECT_EQ(ErrorOf({"--dtype", "float16", "f.eta"}),
            "--dtype: expected float64 or float32, not 'float16'");
  EXPECT_EQ(ErrorOf({"--stall-timeout", "inf", "f.eta"}),
            "--stall-timeout: expected a positive number of seconds, not 'inf'");
  EXPECT_EQ(ErrorOf({"--dump=code", "f.eta"}),
            "--dump: expected reader or expander or analyzer or bytecode, not 'code'");
  EXPECT_EQ(ErrorOf({"--split=yes", "f.eta"}), "--split takes no value");
  EXPECT_EQ(ErrorOf({"--replicas", "", "f.eta"}), "--replicas needs a value");
  EXPECT_EQ(ErrorOf({"--replicas"}), "--replicas needs a value");
  EXPECT_EQ(ErrorOf({"f.eta", "--path"}), "--path needs a value");
}

TEST(OptionsTest, NoFile) {
  EXPECT_EQ(ErrorOf({}), "no input file specified");
  EXPECT_EQ(ErrorOf({"--split"}), "no input file specified");
}

TEST(OptionsTest, TheTraceIsNotWrittenOverTheProgram) {
  const TemporaryFolder folder;
  const std::string program = folder.Path("train.eta");
  std::ofstream(program) << "1";
  EXPECT_EQ(ErrorOf({"--trace", folder.Path("./train.eta"), program}),
            "--trace would replace the program " + program);
  EXPECT_EQ(ErrorOf({"--trace", folder.Path("train.json"), program}), "no error");
}

TEST(OptionsTest, StepsAreCapturedUnlessToldNot) {
  EXPECT_TRUE(Parse({"train.eta"}).capture);
  EXPECT_FALSE(Parse({"--no-capture", "train.eta"}).capture);
  EXPECT_EQ(EtaiHelp().find('{'), std::string::npos);
}

TEST(OptionsTest, HelpAndVersionNeedNoFile) {
  EXPECT_EQ(Parse({"--help"}).action, Options::Action::kHelp);
  EXPECT_EQ(Parse({"-h"}).action, Options::Action::kHelp);
  EXPECT_EQ(Parse({"--version"}).action, Options::Action::kVersion);
  for (const char* name : {"--replicas N", "--stall-timeout S", "--path DIRS", "--disasm"}) {
    EXPECT_NE(EtaiHelp().find(name), std::string::npos) << EtaiHelp();
  }
}

}  // namespace
}  // namespace eta
