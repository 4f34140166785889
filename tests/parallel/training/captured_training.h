// Trainings that must go alike whether their steps are captured or not.
#pragma once

#include <string>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {

// What a program consists of, as texts in the language.
struct Training {
  std::string model;
  std::string optimizer = "(sgd model 0.05 'momentum 0.9)";
  std::string loss = "mse-loss";
  std::string input = "(randn (list rows 6))";
  std::string target = "(randn (list rows 4))";
  std::string rows = "8";
  std::string before_step = "'()";  // a form, `i` is the step
  std::string definitions = "";     // that come before the model
};

// For six features; the second gives `rows` indices of four classes.
inline constexpr const char* kPerceptron =
    "(sequential (linear 6 16) (relu-layer) (linear 16 12) (sigmoid-layer) (linear 12 4))";
inline constexpr const char* kClasses =
    "(from-list (map (lambda (k) (modulo (* (+ k i) 7) 4)) (range 0 rows)) 'int64)";

// A program that prints all losses and, at the end, parameters, gradients and buffers.
std::string ProgramOf(const Training& training, int steps);

// Runs it with and without capture, and expects the same output. Returns how many steps were
// replayed.
int ReplayedOf(int ranks, const Training& training, int steps = 40, ReplicaOptions options = {});
// Likewise where kernels of ours round otherwise, and expects that there are some: losses, and the
// numbers of each parameter and buffer, are within 1e-6 of the largest of them; those of gradients
// within 1e-5.
int ReplayedNearly(int ranks, const Training& training, int steps = 40);

}  // namespace eta::parallel
