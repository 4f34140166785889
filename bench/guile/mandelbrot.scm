; How many points of a grid belong to the Mandelbrot set: float arithmetic in a loop with two ends.
(define (escapes? cx cy)
  (let loop ((x 0.0) (y 0.0) (i 0))
    (let ((xx (* x x)) (yy (* y y)))
      (cond ((> (+ xx yy) 4.0) #t)
            ((= i 100) #f)
            (else (loop (+ (- xx yy) cx) (+ (* 2.0 x y) cy) (+ i 1)))))))

(define (count n)
  (do ((row 0 (+ row 1))
       (total 0 (do ((column 0 (+ column 1))
                     (total total
                            (if (escapes? (- (/ (* 3.0 column) n) 2.0) (- (/ (* 2.0 row) n) 1.0))
                                total
                                (+ total 1))))
                    ((= column n) total))))
      ((= row n) total)))

(display (count 300))
(newline)
