// Package temporal reads histories of Temporal's workflow executions, as "temporal workflow show --output json", its
// web page and the SDKs write them: an object with events, a plain array, or an event per line. Seen were histories of
// servers from 2020 to 2025, with both spellings of event types and with event IDs as strings and as numbers.
//
// A run is one execution. Its tasks are activities, child workflows, Nexus operations, timers, signals to others, local
// activities, and the workflow tasks in which the workflow's code ran. An operation follows the workflow task that
// ordered it (workflowTaskCompletedEventId); a workflow task follows the one before it and what ended between the two
// by event ID, because that is what the code could know. So every edge is recorded, and there are about as many as
// tasks. Workflow tasks that failed and the one after them are attempts of one task.
//
// Temporal keeps only the last attempt of an activity, with its number. The earlier ones become failed attempts without
// moments, and the last counts as ready when it started, because the time before it is back-off and lost attempts.
// A local activity is one marker, so only its end is known. Left out are payloads except for the beginning of inputs,
// search attributes, and markers that are no local activity.
//
// Costs: the events of a file are in memory at once, without their payloads.
//
// Caveats: moments may go back from one event to the next, as an activity's start is written when it ends. Histories of
// a parent and its children are separate runs.
package temporal
