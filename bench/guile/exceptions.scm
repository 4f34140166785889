; Raised three calls deep and caught, every second time.
(define (check i)
  (if (= (modulo i 2) 0)
      (throw 'even i)
      i))
(define (middle i) (+ 0 (check i)))
(define (outer i) (+ 0 (middle i)))

(define (run count)
  (do ((i 0 (+ i 1))
       (sum 0 (+ sum (catch 'even
                       (lambda () (outer i))
                       (lambda (key value) value)))))
      ((= i count) sum)))

(display (run 1000000))
(newline)
