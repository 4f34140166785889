// The procedures that every program sees without an import.
#pragma once

#include <span>

#include "vm/native.h"

namespace eta {

class Vm;

// Defines all of them and sets the current ports. Once per VM, before any code is compiled.
void InstallBuiltins(Vm& vm);

// The tables, by family.
std::span<const NativeDef> AtomBuiltins();
std::span<const NativeDef> BytevectorBuiltins();
std::span<const NativeDef> CharacterBuiltins();
std::span<const NativeDef> ControlBuiltins();
std::span<const NativeDef> CsvBuiltins();
std::span<const NativeDef> EnvironmentBuiltins();
std::span<const NativeDef> ExactnessBuiltins();
std::span<const NativeDef> FactTableBuiltins();
std::span<const NativeDef> FactTableFileBuiltins();
std::span<const NativeDef> FactTableGroupBuiltins();
std::span<const NativeDef> FactTableRuleBuiltins();
std::span<const NativeDef> FileBuiltins();
std::span<const NativeDef> HashMapBuiltins();
std::span<const NativeDef> HashSetBuiltins();
std::span<const NativeDef> JsonBuiltins();
std::span<const NativeDef> ListBuiltins();
std::span<const NativeDef> MathBuiltins();
std::span<const NativeDef> NumberBuiltins();
std::span<const NativeDef> PathBuiltins();
std::span<const NativeDef> PortBuiltins();
std::span<const NativeDef> PredicateBuiltins();
std::span<const NativeDef> ReadingBuiltins();
std::span<const NativeDef> RegexBuiltins();
std::span<const NativeDef> StringBuiltins();
std::span<const NativeDef> TextBuiltins();
std::span<const NativeDef> TimeBuiltins();
std::span<const NativeDef> VectorBuiltins();

}  // namespace eta
