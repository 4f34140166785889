; The leaves of two trees compared one by one: each walk is a generator that is left at every leaf
; and entered again for the next, by call/cc.
(define (make-tree depth leaf)
  (if (= depth 0)
      leaf
      (cons (make-tree (- depth 1) (* 2 leaf))
            (make-tree (- depth 1) (+ (* 2 leaf) 1)))))

(define (generator tree)
  (define return #f)
  (define (walk tree)
    (if (pair? tree)
        (begin (walk (car tree)) (walk (cdr tree)))
        (call/cc (lambda (rest)
                   (set! resume (lambda () (rest #f)))
                   (return tree)))))
  (define resume (lambda () (walk tree) (return 'end)))
  (lambda ()
    (call/cc (lambda (k) (set! return k) (resume)))))

(define (same-leaves a b)
  (let ((next-a (generator a)) (next-b (generator b)))
    (let loop ((count 0))
      (let ((x (next-a)) (y (next-b)))
        (cond ((not (eqv? x y)) #f)
              ((eq? x 'end) count)
              (else (loop (+ count 1))))))))

(display (same-leaves (make-tree 16 1) (make-tree 16 1)))
(newline)
