"""Macros for our packages. A new source, test or benchmark file needs no change in any BUILD file."""

load("//bazel:copts.bzl", "ETA_COPTS")
load("//bazel:precompiled.bzl", "include_precompiled")

def eta_library(name, deps = [], header_deps = [], precompiled = [], by_copts = {}):
    """A package as one library of all of its sources, its subfolders' included.

    Makes three targets: `name`; `headers`, for code that finds the symbols at run time in the program that loads it; and
    `sources`, for the layering test.

    Args:
      name: the library; it is always linked whole, since an extension may need any of it.
      deps: what it is linked with.
      header_deps: what its headers include, as `headers` or header-only targets.
      precompiled: the precompiled header that its sources read first, if any.
      by_copts: from sources that need flags of their own to these; they read no precompiled header.
    """
    native.cc_library(
        name = "headers",
        hdrs = native.glob(["**/*.h", "**/*.inc"]),
        visibility = ["//visibility:public"],
        deps = header_deps,
    )
    for source, copts in by_copts.items():
        native.cc_library(
            name = source[:-len(".cc")],
            srcs = [source],
            copts = ETA_COPTS + copts,
            deps = [":headers"],
            alwayslink = True,
        )
    native.cc_library(
        name = name,
        srcs = native.glob(["**/*.cc"], exclude = by_copts.keys()),
        copts = ETA_COPTS + include_precompiled(precompiled),
        visibility = ["//visibility:public"],
        deps = [":headers"] + deps + precompiled + [source[:-len(".cc")] for source in by_copts],
        alwayslink = True,
    )
    native.filegroup(
        name = "sources",
        srcs = native.glob(["BUILD.bazel", "**/*.cc", "**/*.h", "**/*.inc"]),
        visibility = ["//tests:__subpackages__"],
    )

def eta_cc_tests(deps = [], data = [], exceptions = {}, precompiled = []):
    """One small test per *_test.cc, named after the file. Other sources of the package are shared by all of them.

    Makes `test_sources` too, which are the *_test.cc.

    Args:
      deps: what every test is linked with, besides GoogleTest.
      data: files that every test may read, by their path from the root.
      exceptions: from a test's name to attributes of its own; its `deps` and `data` come on top of the common ones. `nightly` is
        an environment in which the same test is a longer one, NAME_nightly, that only runs when it is named.
      precompiled: the precompiled header that the sources read first, if any.
    """
    # What is measured is elsewhere: here compiling takes longer than running.
    copts = ETA_COPTS + ["-O1"] + include_precompiled(precompiled)
    deps = deps + precompiled
    tests = native.glob(["**/*_test.cc"])
    native.filegroup(
        name = "test_sources",
        srcs = tests,
        visibility = ["//tests:__subpackages__"],
    )
    shared = native.glob(["**/*.cc", "**/*.h", "**/*.inc"], exclude = tests)
    if shared:
        native.cc_library(
            name = "shared",
            testonly = True,
            srcs = [f for f in shared if f.endswith(".cc")],
            hdrs = [f for f in shared if not f.endswith(".cc")],
            copts = copts,
            visibility = ["//tests:__subpackages__"],
            deps = deps + ["//third_party/gtest"],
        )
    for source in tests:
        test = source[:-len(".cc")]
        own = dict(exceptions.get(test, {}))
        nightly = own.pop("nightly", None)
        common = dict(
            srcs = [source],
            copts = copts,
            data = ["//tests:sanitizer_settings"] + data + own.pop("data", []),
            linkstatic = True,
            deps = deps + own.pop("deps", []) + ["//third_party/gtest"] + ([":shared"] if shared else []),
        )
        size = own.pop("size", "small")
        native.cc_test(name = test, size = size, **dict(common, **own))
        if nightly:
            native.cc_test(
                name = test + "_nightly",
                size = "enormous",
                env = nightly,
                tags = ["manual"],
                **dict(common, **own)
            )

def eta_cc_benchmarks(deps = []):
    """One program per *_bench.cc, named after the file, with Google Benchmark's main; other sources are shared by all."""
    benchmarks = native.glob(["**/*_bench.cc"])
    shared = native.glob(["**/*.cc", "**/*.h"], exclude = benchmarks)
    if shared:
        native.cc_library(
            name = "shared",
            testonly = True,
            srcs = [f for f in shared if f.endswith(".cc")],
            hdrs = [f for f in shared if f.endswith(".h")],
            copts = ETA_COPTS,
            deps = deps,
        )
    for source in benchmarks:
        native.cc_binary(
            name = source[:-len(".cc")],
            testonly = True,
            srcs = [source],
            copts = ETA_COPTS,
            deps = deps + ([":shared"] if shared else []) + ["//third_party/benchmark"],
        )
