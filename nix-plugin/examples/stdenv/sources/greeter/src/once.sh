exec @prefix@/bin/greeter "$@"
