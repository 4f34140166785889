; The sums of two columns and the number of rows of one kind in a CSV file of 100 000 rows. The
; file's name is the argument. The file has no quoted cells, so it is split at the commas.
(use-modules (ice-9 textual-ports))

(define (add totals cells)
  (vector (+ (vector-ref totals 0) (string->number (cadr cells)))
          (+ (vector-ref totals 1) (string->number (caddr cells)))
          (if (string=? (cadddr cells) "red") (+ (vector-ref totals 2) 1) (vector-ref totals 2))))

(define (fold port)
  (get-line port)
  (let loop ((totals (vector 0 0.0 0)))
    (let ((line (get-line port)))
      (if (eof-object? line)
          totals
          (loop (add totals (string-split line #\,)))))))

(define totals (call-with-input-file (cadr (command-line)) fold))
(display (vector-ref totals 0))
(newline)
(display (inexact->exact (vector-ref totals 1)))
(newline)
(display (vector-ref totals 2))
(newline)
