// What the pointer does on the pictures, for the help next to the keys.

export interface GestureHelp {
  readonly gesture: string;
  readonly effect: string;
}

/** By the picture they are for; the components GraphCanvas and LanesCanvas act by them. */
export const gestureHelp: Readonly<Record<'Graph' | 'Lanes', readonly GestureHelp[]>> = {
  Graph: [
    { gesture: 'wheel, pinch', effect: 'zoom where the pointer is' },
    { gesture: 'drag, Shift + wheel', effect: 'move the graph; Esc while dragging puts it back' },
    { gesture: 'click a task', effect: 'select it; outside of all tasks: select none' },
    { gesture: 'click a box, double click', effect: 'look closer' },
    { gesture: 'click or drag in the small map', effect: 'go there' },
  ],
  Lanes: [
    { gesture: 'drag', effect: 'choose a range, for its figures; Esc clears it' },
    { gesture: 'drag on the axis or the ribbon', effect: 'move the playhead; Esc while dragging puts it back' },
    { gesture: 'click a bar', effect: 'select its task; outside of bars: put the playhead there' },
    { gesture: 'wheel on the axis, Ctrl + wheel, pinch', effect: 'zoom in time where the pointer is' },
    { gesture: 'Shift + drag, middle drag, Shift + wheel', effect: 'move in time' },
    { gesture: 'double click the axis', effect: 'show the whole run' },
    { gesture: 'wheel', effect: 'scroll the lanes where not all have room' },
    { gesture: 'click a strip', effect: 'open or fold the slots of a worker, where many are folded' },
  ],
};
