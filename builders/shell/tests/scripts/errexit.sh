# errexit: where a failure ends the shell, and where it does not.
for t in 'false; echo no' 'false || true; echo yes' 'if false; then :; fi; echo yes' '! false; echo yes' \
  'f() { false; echo in; }; f || echo or; echo yes' 'f() { false; echo in; }; f; echo no' 'x=$(false); echo no' \
  'local_() { local x=$(false); echo yes; }; local_' '(false); echo no' 'true | false; echo no' 'false | true; echo yes' \
  'set -o pipefail; false | true; echo no' 'echo $(false; echo yes)' 'shopt -s inherit_errexit; echo $(false; echo no); echo yes' \
  '{ false; } && true; echo yes' 'while false; do :; done; echo yes' '((0)); echo no' '[[ a = b ]]; echo no' \
  'trap "echo exit" EXIT; false' 'trap "echo err \$?" ERR; false' 'eval false; echo no' 'f() { set +e; false; echo in; }; f; echo yes'; do
  bash -ec "$t"; echo "$? <- $t"
done
