; The primes below two million: one large vector.
(define (sieve n)
  (let ((composite (make-vector n #f)))
    (let loop ((i 2) (count 0))
      (cond ((= i n) count)
            ((vector-ref composite i) (loop (+ i 1) count))
            (else
             (do ((j (* i i) (+ j i))) ((>= j n))
               (vector-set! composite j #t))
             (loop (+ i 1) (+ count 1)))))))
(display (sieve 2000000))
(newline)
