; 200 000 numbers in a list, sorted by each language's own procedure with a comparison of ours.
(define (numbers count)
  (let loop ((i 0) (seed 42) (numbers '()))
    (if (= i count)
        numbers
        (let ((next (modulo (+ (* seed 16807) 11) 2147483647)))
          (loop (+ i 1) next (cons next numbers))))))

; Depends on the order.
(define (digest numbers)
  (let loop ((rest numbers) (i 1) (sum 0))
    (if (null? rest)
        sum
        (loop (cdr rest) (+ i 1) (modulo (+ sum (* i (car rest))) 1000000007)))))

(define (ascending? a b) (< a b))
(define (descending? a b) (> a b))
(define sorted (sort (numbers 200000) ascending?))
(display (digest sorted))
(newline)
(display (digest (sort sorted descending?)))
(newline)
