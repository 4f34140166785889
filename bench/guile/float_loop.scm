; 20 million float additions with an integer counter.
(display
  (do ((i 0 (+ i 1))
       (sum 0.0 (+ sum i)))
      ((= i 20000000) (inexact->exact sum))))
(newline)
