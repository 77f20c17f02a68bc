// Package predict says how long the next run of a workflow will take, and when a run that is under way will end: from
// how long its functions took in earlier runs, by simulating the graph many times.
//
// Times of the tasks of one run go up and down together: a machine is busy, an input is large. So each simulation takes
// the level of one earlier run, the ratio of its time in bodies to what is usual, and draws for each task how long it
// took in any run, at that level. Draws without levels would average out, and their interval would be far too narrow.
// What the simulation gets wrong in the same way each time, and how far the last runs were from what would have been
// predicted for them, corrects its quantiles: conformalized quantile regression (Romano, Patterson, Candès, 2019), with
// weights that forget (Barber, Candès, Ramdas, Tibshirani, Conformal prediction beyond exchangeability, 2023). After a
// shift of the load the interval therefore widens first, and narrows again around the new level.
//
// It guarantees that no interval is given without the number of runs that it comes from, that with fewer than MinRuns
// none is given, and that equal histories have equal answers. Calibration counts how often runs of the past ended within
// what would have been predicted from the runs before them alone.
//
// A prediction reads the logs of at most MaxRuns runs, or of fewer large ones, and then simulates some 1,000,000 tasks at
// most: well under a second for 10,000 tasks.
//
// Caveats: only runs that succeeded are known, so the answer is for a run that succeeds. Lanes are those of the latest
// run. An interval for parameters that no run had is of the simulation alone, and says so: nothing shows how far it errs.
package predict
