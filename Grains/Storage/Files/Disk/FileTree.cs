using System.Collections.Concurrent;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>A folder whose files have the store's names.</summary>
/// <param name="files">The file system.</param>
/// <param name="root">The folder, which exists.</param>
internal sealed class FileTree(IFileOperations files, string root)
{
    private readonly ConcurrentDictionary<string, Folder> _folders = new(StringComparer.Ordinal);

    /// <summary>The file system.</summary>
    public IFileOperations Files => files;

    /// <summary>The folder.</summary>
    public string Root => root;

    /// <summary>The path of a name that has been checked.</summary>
    public string PathOf(string name) => Path.Join(root, StoreNames.ToStored(name).Replace('/', Path.DirectorySeparatorChar));

    /// <summary>
    /// Creates the folder of a path when it is missing. Once for each folder, makes durable what a killed process may have done in it.
    /// </summary>
    public void PrepareFolderOf(string path) => PrepareFolder(Path.GetDirectoryName(path)!, create: true);

    /// <summary>As <see cref="PrepareFolderOf"/>, but creates no folder.</summary>
    public void SettleFolderOf(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (!IsDurable(folder) && Directory.Exists(folder))
            PrepareFolder(folder, create: false);
    }

    /// <summary>Makes a change in the path's folder durable. A missing folder is no error, because it has nothing to lose.</summary>
    public void SyncFolderOf(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (Directory.Exists(folder))
            files.SyncFolder(folder);
    }

    /// <summary>The bytes a volume has left above its reserve; negative when it is already below it.</summary>
    public static long GetRoom(IFileOperations files, string path)
    {
        var (free, total) = files.GetVolume(path);
        return free - Math.Min(FileStoreLimits.ReserveBytesMax, total / FileStoreLimits.ReserveDivisor);
    }

    /// <summary>Throws when the volume has no room above its reserve.</summary>
    /// <exception cref="StoreFullException">It has none.</exception>
    public void CheckRoom()
    {
        if (GetRoom(files, root) < 0)
            throw new StoreFullException($"The volume of '{root}' has no free space above its reserve. Free some space.");
    }

    /// <summary>Finds the files of names that start with the prefix, in ordinal order.</summary>
    public IReadOnlyList<(string Name, FileInfo File)> List(string prefix)
    {
        var folder = new DirectoryInfo(PathOf(prefix));
        if (!folder.Exists)
            return [];
        return folder.EnumerateFiles("*", SearchOption.AllDirectories)
            .Select(file => (
                Name: StoreNames.FromStored(Path.GetRelativePath(root, file.FullName).Replace(Path.DirectorySeparatorChar, '/')),
                File: file))
            .Where(entry => StoreNames.AreParts(entry.Name))
            .OrderBy(entry => entry.Name, StringComparer.Ordinal)
            .ToList();
    }

    private bool IsDurable(string folder) => _folders.TryGetValue(folder, out var known) && known.IsDurable;

    private void PrepareFolder(string folder, bool create)
    {
        if (IsDurable(folder))
            return;
        var known = _folders.GetOrAdd(folder, static _ => new Folder());
        // A thread that comes while another one creates the folder waits until its entry is durable, because the durability of files in it depends on
        // that.
        lock (known)
        {
            if (known.IsDurable)
                return;
            if (folder.Length > root.Length)
                PrepareFolder(Path.GetDirectoryName(folder)!, create);
            if (create && !Directory.Exists(folder))
            {
                files.CreateFolder(folder);
                known.IsNew = true;
            }

            // A new folder has no entries that could be lost. Whoever adds the first one syncs it.
            files.SyncFolder(known.IsNew ? Path.GetDirectoryName(folder)! : folder);
            known.IsDurable = true;
        }
    }

    /// <summary>What this process knows of a folder. Locked while the folder is created or synced.</summary>
    private sealed class Folder
    {
        private volatile bool _isDurable;

        /// <summary>True when this process created it.</summary>
        public bool IsNew { get; set; }

        /// <summary>True when its entry, and what an earlier process did in it, are durable.</summary>
        public bool IsDurable
        {
            get => _isDurable;
            set => _isDurable = value;
        }
    }
}
