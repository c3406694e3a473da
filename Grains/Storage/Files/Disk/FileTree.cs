using System.Collections.Concurrent;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>One folder whose files are named as a store's names are.</summary>
/// <param name="files">The file system.</param>
/// <param name="root">The folder; it exists.</param>
internal sealed class FileTree(IFileOperations files, string root)
{
    private readonly ConcurrentDictionary<string, Folder> _folders = new(StringComparer.Ordinal);

    /// <summary>The file system.</summary>
    public IFileOperations Files => files;

    /// <summary>The folder.</summary>
    public string Root => root;

    /// <summary>The path of a name that was checked.</summary>
    public string PathOf(string name) => Path.Join(root, StoreNames.ToStored(name).Replace('/', Path.DirectorySeparatorChar));

    /// <summary>
    /// Makes the folder of a path when it is missing, and sees to it once that what a killed process did in it is durable.
    /// </summary>
    public void PrepareFolderOf(string path) => PrepareFolder(Path.GetDirectoryName(path)!, create: true);

    /// <summary>As <see cref="PrepareFolderOf"/>, but makes none.</summary>
    public void SettleFolderOf(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (!IsDurable(folder) && Directory.Exists(folder))
            PrepareFolder(folder, create: false);
    }

    /// <summary>Makes a change in the path's folder durable; a folder that is not there holds nothing to lose.</summary>
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

    /// <summary>Throws when the volume has no more room than its reserve.</summary>
    /// <exception cref="StoreFullException">It has not.</exception>
    public void CheckRoom()
    {
        if (GetRoom(files, root) < 0)
            throw new StoreFullException($"The volume of '{root}' has nothing left but its reserve: free some of it.");
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
        // Whoever comes while another thread makes it waits until its entry is durable: what is stored in it hangs on that.
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

            // Nothing is in a new one yet that could be lost; who puts something there syncs it.
            files.SyncFolder(known.IsNew ? Path.GetDirectoryName(folder)! : folder);
            known.IsDurable = true;
        }
    }

    /// <summary>What this process knows of a folder; locked while it is made or synced.</summary>
    private sealed class Folder
    {
        private volatile bool _isDurable;

        /// <summary>True when this process made it.</summary>
        public bool IsNew { get; set; }

        /// <summary>True when its entry, and what an earlier process did in it, are on the disk.</summary>
        public bool IsDurable
        {
            get => _isDurable;
            set => _isDurable = value;
        }
    }
}
