; A hash table of 50 000 keys, each of them bound anew three times: in place, as programs in Guile do.
(define (next seed) (modulo (+ (* seed 16807) 11) 50000))

(define (fill map count)
  (let loop ((i 0) (seed 7))
    (if (= i count)
        map
        (begin
          (hashv-set! map i (+ (hashv-ref map i 0) seed))
          (loop (+ i 1) (next seed))))))

(define map (fill (fill (fill (make-hash-table) 50000) 50000) 50000))
(display (hash-count (const #t) map))
(newline)
(display
  (do ((i 0 (+ i 1))
       (sum 0 (+ sum (hashv-ref map i))))
      ((= i 50000) sum)))
(newline)
