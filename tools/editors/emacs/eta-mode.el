;;; eta-mode.el --- Editing of Eta programs -*- lexical-binding: t; -*-

;; Usage: (load "eta-mode.el"); files that end with .eta then open in eta-mode.

;;; Code:

(require 'scheme)

(defconst eta-forms
  '("and" "apply" "assert" "begin" "call-with-current-continuation" "call-with-values" "call/cc"
    "case" "case-lambda" "catch" "cond" "cond-expand" "def" "define" "define-record-type"
    "define-syntax" "define-values" "defun" "delay" "delay-force" "do" "dynamic-wind" "eval"
    "export" "guard" "if" "import" "include" "lambda" "let" "let*" "let*-values" "let-syntax"
    "let-values" "letrec" "letrec*" "letrec-syntax" "module" "or" "parameterize" "progn"
    "quasiquote" "quote" "raise" "receive" "set!" "unless" "unquote" "unquote-splicing" "values"
    "when" "while")
  "The special forms and the macros that every program has.")

(defconst eta-font-lock-keywords
  `((,(concat "[[(]\\(def\\(?:ine\\(?:-\\(?:record-type\\|syntax\\|values\\)\\)?\\|un\\)?\\)"
              "\\_>[ \t]+(?\\(\\(?:\\sw\\|\\s_\\)+\\)")
     (1 font-lock-keyword-face)
     (2 font-lock-function-name-face))
    (,(concat "[[(]\\(" (regexp-opt eta-forms) "\\)\\_>") 1 font-lock-keyword-face)
    ("\\_<#\\(?:[tTfF]\\|true\\|false\\)\\_>" . font-lock-constant-face))
  "What `eta-mode' colours.")

;; Bodies are indented as eta_fmt does it.
(put 'begin 'scheme-indent-function 0)
(put 'call-with-values 'scheme-indent-function 1)
(put 'case 'scheme-indent-function 1)
(put 'case-lambda 'scheme-indent-function 0)
(put 'catch 'scheme-indent-function 1)
(put 'cond-expand 'scheme-indent-function 0)
(put 'def 'scheme-indent-function 1)
(put 'define 'scheme-indent-function 1)
(put 'define-record-type 'scheme-indent-function 1)
(put 'define-syntax 'scheme-indent-function 1)
(put 'define-values 'scheme-indent-function 1)
(put 'defun 'scheme-indent-function 2)
(put 'delay 'scheme-indent-function 0)
(put 'do 'scheme-indent-function 2)
(put 'guard 'scheme-indent-function 1)
(put 'lambda 'scheme-indent-function 1)
(put 'let* 'scheme-indent-function 1)
(put 'let*-values 'scheme-indent-function 1)
(put 'let-syntax 'scheme-indent-function 1)
(put 'let-values 'scheme-indent-function 1)
(put 'letrec 'scheme-indent-function 1)
(put 'letrec* 'scheme-indent-function 1)
(put 'letrec-syntax 'scheme-indent-function 1)
(put 'module 'scheme-indent-function 1)
(put 'parameterize 'scheme-indent-function 1)
(put 'progn 'scheme-indent-function 0)
(put 'receive 'scheme-indent-function 2)
(put 'syntax-rules 'scheme-indent-function 1)
(put 'unless 'scheme-indent-function 1)
(put 'when 'scheme-indent-function 1)
(put 'while 'scheme-indent-function 1)

;;;###autoload
(define-derived-mode eta-mode scheme-mode "Eta"
  "Major mode for programs in Eta."
  (setq-local font-lock-defaults
              '(eta-font-lock-keywords nil nil (("+-*/.<>=!?$%_&~^:" . "w"))
                                       beginning-of-defun
                                       (font-lock-mark-block-function . mark-defun)))
  (setq-local indent-tabs-mode nil)
  (setq-local fill-column 100))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.eta\\'" . eta-mode))
;;;###autoload
(add-to-list 'interpreter-mode-alist '("etai" . eta-mode))

(provide 'eta-mode)
;;; eta-mode.el ends here
