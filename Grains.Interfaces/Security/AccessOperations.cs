namespace OrleansStream.Security;

/// <summary>What a caller may do with a resource. A set of them is a flag each.</summary>
/// <remarks>
/// Kafka's operations in fewer words (KIP-11): READ and WRITE are the same; DESCRIBE and DESCRIBE_CONFIGS are <see cref="Describe"/>; CREATE, ALTER,
/// ALTER_CONFIGS and DELETE are <see cref="Manage"/>; CLUSTER_ACTION has no meaning here. As in Kafka, whoever may do anything else may describe.
/// </remarks>
[Flags]
public enum AccessOperations : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>To see that it exists, with its settings and numbers.</summary>
    Describe = 1,

    /// <summary>A topic: to read its records. A group: to be a member of it and to commit.</summary>
    Read = 2,

    /// <summary>To append records to a topic.</summary>
    Write = 4,

    /// <summary>To create, change, delete and reset, and to take dead letters back.</summary>
    Manage = 8,

    /// <summary>The cluster: to give rights and keys, and to read what the service writes about itself.</summary>
    Admin = 16,

    /// <summary>All of them.</summary>
    All = Describe | Read | Write | Manage | Admin,
}

/// <summary>What is true of every set of operations.</summary>
public static class AccessOperationSets
{
    /// <summary>The operations that these allow: themselves, and <see cref="AccessOperations.Describe"/> with any other.</summary>
    /// <param name="operations">The operations that were given.</param>
    public static AccessOperations WithImplied(this AccessOperations operations) =>
        operations == AccessOperations.None ? operations : operations | AccessOperations.Describe;
}
