; All ways to place 11 queens: recursion, and arrays that say which columns and diagonals are taken.
(define n 11)
(define columns (make-vector n #f))
(define rising (make-vector (* 2 n) #f))
(define falling (make-vector (* 2 n) #f))

(define (place row)
  (if (= row n)
      1
      (let loop ((column 0) (count 0))
        (if (= column n)
            count
            (let ((up (+ row column))
                  (down (+ (- row column) n)))
              (if (or (vector-ref columns column) (vector-ref rising up) (vector-ref falling down))
                  (loop (+ column 1) count)
                  (begin
                    (vector-set! columns column #t)
                    (vector-set! rising up #t)
                    (vector-set! falling down #t)
                    (let ((found (place (+ row 1))))
                      (vector-set! columns column #f)
                      (vector-set! rising up #f)
                      (vector-set! falling down #f)
                      (loop (+ column 1) (+ count found))))))))))

(display (place 0))
(newline)
