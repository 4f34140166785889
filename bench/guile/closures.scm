; Closures that are made, called and composed, and variables that several of them share.
(define (adder n) (lambda (x) (+ x n)))
(define (compose f g) (lambda (x) (f (g x))))

; Two procedures over one variable.
(define (make-counter)
  (let ((count 0))
    (cons (lambda (by) (set! count (+ count by)))
          (lambda () count))))

(define (run rounds)
  (let ((counter (make-counter)))
    (do ((i 0 (+ i 1))) ((= i rounds) ((cdr counter)))
      (let ((f (compose (adder i) (compose (adder 1) (adder 2)))))
        ((car counter) (f 3))
        ((car counter) (- (f 1)))
        ((car counter) 1)))))

(display (run 1500000))
(newline)
