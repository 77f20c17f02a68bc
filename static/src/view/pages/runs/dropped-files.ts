// The files in what was dropped: browsers hand out a folder as an entry whose content has to be asked for.

/** A file with its path in what was dropped. */
export interface NamedFile {
  readonly name: string;
  readonly file: File;
}

/** Files that were chosen in a dialog; those of a folder have a path. */
export function chosenFiles(files: Iterable<File>): NamedFile[] {
  return Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name, file }));
}

/** All files of a drop, those in folders as well. Has to be called while the event is handled: later it is empty. */
export async function droppedFiles(transfer: DataTransfer): Promise<NamedFile[]> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry());
  const found = entries.some((entry) => entry === null) ? undefined : entries.filter((entry) => entry !== null);
  if (found === undefined) return chosenFiles(transfer.files);
  return (await Promise.all(found.map(filesIn))).flat();
}

async function filesIn(entry: FileSystemEntry): Promise<NamedFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => {
      entry.file(resolve, reject);
    });
    return [{ name: entry.fullPath.replace(/^\//, ''), file }];
  }
  const entries = isFolder(entry) ? await entriesIn(entry.createReader()) : [];
  return (await Promise.all(entries.map(filesIn))).flat();
}

/** A reader hands out some entries at a time, and none once it is at the end. */
async function entriesIn(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return all;
    all.push(...some);
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
