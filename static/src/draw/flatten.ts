// The layers of a picture as one canvas, to be saved.

/** All canvases over one another, as large as the first of them; those without pixels are left out. */
export function flatten(layers: readonly HTMLCanvasElement[]): HTMLCanvasElement {
  const flat = document.createElement('canvas');
  flat.width = layers[0]?.width ?? 0;
  flat.height = layers[0]?.height ?? 0;
  const ctx = flat.getContext('2d');
  for (const layer of layers)
    if (layer.width === flat.width && layer.height === flat.height) ctx?.drawImage(layer, 0, 0);
  return flat;
}
