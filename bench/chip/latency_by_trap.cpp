// The same with the interrupt taken as a trap, as it is when it comes while a task runs.
#define BY_TRAP
#include "latency.cpp"
