/** One entry of a Menu. A disabled one keeps its place and says why in `title`. */
export interface MenuItem {
  readonly id: string;
  readonly label: string;
  readonly run: () => void;
  readonly disabled?: boolean;
  readonly title?: string;
  readonly danger?: boolean;
}
