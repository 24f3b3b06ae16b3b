;; The `_start` of a command, for the Ruby that npm's package has as a library: it starts the
;; interpreter with the arguments that the command is given, and runs the script that they name.
(module
  (import "ruby" "memory" (memory 1))
  (import "ruby" "_initialize" (func $initialize))
  (import "ruby" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $ruby_init (param i32 i32)))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $eval (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  ;; What was written is flushed whatever happened; the finalizers of the interpreter are not run.
  (data $code "begin; load $0; rescue SystemExit; rescue Exception => e; $stderr.write(e.full_message); raise; ensure $stdout.flush; end\00")

  (func $allocate (param $size i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $size)))

  ;; The bytes up to the NUL, and it: that is what the library wants of each argument.
  (func $length (param $text i32) (result i32)
    (local $at i32)
    (local.set $at (local.get $text))
    (loop $next
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.load8_u (i32.sub (local.get $at) (i32.const 1)))))
    (i32.sub (local.get $at) (local.get $text)))

  (func (export "_start")
    (local $sizes i32) (local $count i32) (local $argv i32) (local $list i32) (local $i i32) (local $code i32)
    (call $initialize)
    (local.set $sizes (call $allocate (i32.const 8)))
    (drop (call $args_sizes_get (local.get $sizes) (i32.add (local.get $sizes) (i32.const 4))))
    (local.set $count (i32.load (local.get $sizes)))
    (local.set $argv (call $allocate (i32.mul (local.get $count) (i32.const 4))))
    (drop (call $args_get (local.get $argv) (call $allocate (i32.load offset=4 (local.get $sizes)))))
    (local.set $list (call $allocate (i32.mul (local.get $count) (i32.const 8))))
    (loop $next
      (i32.store (i32.add (local.get $list) (i32.mul (local.get $i) (i32.const 8)))
        (i32.load (i32.add (local.get $argv) (i32.mul (local.get $i) (i32.const 4)))))
      (i32.store offset=4 (i32.add (local.get $list) (i32.mul (local.get $i) (i32.const 8)))
        (call $length (i32.load (i32.add (local.get $argv) (i32.mul (local.get $i) (i32.const 4))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $count))))
    (call $ruby_init (local.get $list) (local.get $count))
    (local.set $code (call $allocate (i32.const 122)))
    (memory.init $code (local.get $code) (i32.const 0) (i32.const 122))
    (if (i32.load offset=4 (call $eval (local.get $code) (i32.const 122)))
      (then (call $proc_exit (i32.const 1))))))
