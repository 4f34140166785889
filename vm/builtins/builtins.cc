#include "vm/builtins/builtins.h"

#include "vm/port.h"
#include "vm/vm.h"

namespace eta {

void InstallBuiltins(Vm& vm) {
  for (std::span<const NativeDef> family :
       {AtomBuiltins(),           BytevectorBuiltins(),    CharacterBuiltins(),
        ControlBuiltins(),        CsvBuiltins(),           EnvironmentBuiltins(),
        ExactnessBuiltins(),      FactTableBuiltins(),     FactTableFileBuiltins(),
        FactTableGroupBuiltins(), FactTableRuleBuiltins(), FileBuiltins(),
        HashMapBuiltins(),        HashSetBuiltins(),       JsonBuiltins(),
        ListBuiltins(),           MathBuiltins(),          NumberBuiltins(),
        PathBuiltins(),           PortBuiltins(),          PredicateBuiltins(),
        ReadingBuiltins(),        RegexBuiltins(),         StringBuiltins(),
        TextBuiltins(),           TimeBuiltins(),          VectorBuiltins()}) {
    vm.DefineNatives(family);
  }
  vm.current_input = NewPort(vm, OpenConsoleInput(vm.console()));
  vm.current_output = NewPort(vm, OpenConsoleOutput(vm.console()));
  vm.current_error = NewPort(vm, OpenConsoleError(vm.console()));
}

}  // namespace eta
