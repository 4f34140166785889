#!/bin/sh
# Fuzzes what takes bytes from outside, with libFuzzer under the address and undefined-behaviour sanitizers:
#
#   ./bazelw run //tests/fuzz -- [SECONDS [FUZZER...]]        (60; reader compiler image json csv)
#
# It needs clang. What it built and found is kept below ${XDG_CACHE_HOME:-~/.cache}/eta/fuzz. Status 1 if a fuzzer found
# something; the input that shows it is named.
set -eu

root=${BUILD_WORKSPACE_DIRECTORY:-$(cd "$(dirname "$0")/../.." && pwd)}
work=${XDG_CACHE_HOME:-$HOME/.cache}/eta/fuzz
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- reader compiler image json csv
cd "$root"
mkdir -p "$work"

command -v clang++ >/dev/null || { echo "error: fuzzing needs clang++" >&2; exit 1; }

# Objects that end in arrays of any length are no findings: bounds.
echo "ROOT = $root" >"$work/Makefile.new"
cat >>"$work/Makefile.new" <<'MAKEFILE'
FLAGS = -std=c++20 -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
  -fno-sanitize=vptr,bounds -fno-sanitize-recover=undefined -Wno-unknown-attributes -fno-math-errno -I$(ROOT) -MMD
LIBS = -l:libboost_regex.a
SOURCES = $(wildcard $(ROOT)/vm/*.cc $(ROOT)/vm/*/*.cc) $(ROOT)/tools/formatter.cc $(ROOT)/tools/syntax_tree.cc
OBJECTS = $(SOURCES:$(ROOT)/%.cc=o/%.o) o/embedded.o
.PRECIOUS: o/%.o
%_fuzz: o/tests/fuzz/%_fuzz.o $(OBJECTS)
	clang++ -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)
o/%.o: $(ROOT)/%.cc Makefile
	@mkdir -p $(@D)
	clang++ $(FLAGS) -c -o $@ $<
embed: $(ROOT)/stdlib/embed.cc
	clang++ -std=c++20 -O1 -o $@ $<
embedded.cc: embed $(wildcard $(ROOT)/stdlib/*.eta $(ROOT)/stdlib/std/*.eta)
	./embed $(ROOT)/stdlib/ $(ROOT)/stdlib/*.eta $(ROOT)/stdlib/std/*.eta >$@
o/embedded.o: embedded.cc
	clang++ $(FLAGS) -c -o $@ $<
-include $(OBJECTS:.o=.d)
MAKEFILE
# What another checkout's objects depend on may be gone.
cmp -s "$work/Makefile.new" "$work/Makefile" || { rm -rf "$work/o" && mv "$work/Makefile.new" "$work/Makefile"; }

# Programs to start from, and what the fuzzers found interesting before.
corpus() {
  mkdir -p "$work/corpus_$1"
  case $1 in
    image) ;;
    json | csv) cp -f tests/fuzz/corpus/"$1"/* "$work/corpus_$1" ;;
    *) find tests/eta cookbook -name '*.eta' -size -4k -exec cp -f {} "$work/corpus_$1" ';' ;;
  esac
}

status=0
for fuzzer in "$@"; do
  make -s -C "$work" -j"$(nproc)" "${fuzzer}_fuzz"
  corpus "$fuzzer"
  echo "fuzzing the $fuzzer for $seconds s"
  "$work/${fuzzer}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
    -print_final_stats=1 -artifact_prefix="$work/$fuzzer-" "$work/corpus_$fuzzer" 2>"$work/$fuzzer.log" || {
    status=1
    tail -n 40 "$work/$fuzzer.log"
  }
  grep -E 'number_of_executed_units|Done' "$work/$fuzzer.log" || true
done
exit $status
