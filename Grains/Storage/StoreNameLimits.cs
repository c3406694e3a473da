namespace OrleansStream.Storage;

/// <summary>Bounds of the names in both stores.</summary>
internal static class StoreNameLimits
{
    /// <summary>The most characters of a name. Azure's bound for a blob is 1,024, a file system's for a path 4,096.</summary>
    public const int NameLengthMax = 512;

    /// <summary>The most characters of one part. A file system's bound is 255 bytes, and the file stores add some.</summary>
    public const int PartLengthMax = 200;
}
