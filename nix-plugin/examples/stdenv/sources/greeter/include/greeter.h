#define GREETER 1
