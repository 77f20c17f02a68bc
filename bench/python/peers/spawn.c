// spawn COUNT PROGRAM starts a program so many times with posix_spawn, one after the other, each waited for, and prints
// the nanoseconds that all took.
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv) {
    struct timespec begin, end;
    if (argc != 3)
        return 2;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int left = atoi(argv[1]); left > 0; left--) {
        pid_t pid;
        int status;
        if (posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0)
            return 1;
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec);
    return 0;
}
