# NATIVE: the user's shell is another in the sandbox.
# The shell's own name, and the user's shell where nothing else is known.
bash -c 'echo ${BASH##*/}'; env -i "$(type -p bash)" -c 'echo ${BASH##*/} $SHELL'; (exec -a nosuchname bash -c 'echo ${SHELL-none}'); env -u SHELL bash -c '(exec -a nosuchname bash -c "echo \$BASH \$SHELL")'; declare -p SHELL
