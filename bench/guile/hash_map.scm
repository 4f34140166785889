; A hash table of 200 000 keys, each of them bound anew three times: in place, as one does in Guile.
(define (next seed) (modulo (+ (* seed 16807) 11) 200000))

(define (fill map count)
  (let loop ((i 0) (seed 7))
    (if (= i count)
        map
        (begin
          (hashv-set! map i (+ (hashv-ref map i 0) seed))
          (loop (+ i 1) (next seed))))))

(define map (fill (fill (fill (make-hash-table) 200000) 200000) 200000))
(display (hash-count (const #t) map))
(newline)
(display
  (do ((i 0 (+ i 1))
       (sum 0 (+ sum (hashv-ref map i))))
      ((= i 200000) sum)))
(newline)
