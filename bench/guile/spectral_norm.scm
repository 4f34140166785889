; The largest singular value of an infinite matrix: float arithmetic in nested loops over vectors.
(define n 250)

(define (element i j)
  (/ 1.0 (+ (/ (* (+ i j) (+ i j 1)) 2) i 1)))

(define (multiply! from to entry)
  (do ((i 0 (+ i 1))) ((= i n))
    (do ((j 0 (+ j 1))
         (sum 0.0 (+ sum (* (entry i j) (vector-ref from j)))))
        ((= j n) (vector-set! to i sum)))))

(define (square! from to scratch)
  (multiply! from scratch element)
  (multiply! scratch to (lambda (i j) (element j i))))

(define (dot a b)
  (do ((i 0 (+ i 1))
       (sum 0.0 (+ sum (* (vector-ref a i) (vector-ref b i)))))
      ((= i n) sum)))

(define u (make-vector n 1.0))
(define v (make-vector n 0.0))
(define scratch (make-vector n 0.0))
(do ((i 0 (+ i 1))) ((= i 10))
  (square! u v scratch)
  (square! v u scratch))
(display (inexact->exact (floor (* 1e9 (sqrt (/ (dot u v) (dot v v)))))))
(newline)
