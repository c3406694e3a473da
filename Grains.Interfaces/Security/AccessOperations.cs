namespace OrleansStream.Security;

/// <summary>What a caller may do with a resource. Each operation is a flag, so a value is a set of operations.</summary>
/// <remarks>
/// These are Kafka's operations (KIP-11), some of them combined. READ and WRITE are the same; DESCRIBE and DESCRIBE_CONFIGS are
/// <see cref="Describe"/>; CREATE, ALTER, ALTER_CONFIGS and DELETE are <see cref="Manage"/>; CLUSTER_ACTION does not exist here. As in Kafka, a
/// caller with any other operation may also describe.
/// </remarks>
[Flags]
public enum AccessOperations : byte
{
    /// <summary>No operation.</summary>
    None = 0,

    /// <summary>To see that the resource exists, and to read its settings and figures.</summary>
    Describe = 1,

    /// <summary>For a topic: to read its records. For a group: to be a member and to commit.</summary>
    Read = 2,

    /// <summary>To append records to a topic.</summary>
    Write = 4,

    /// <summary>To create, change, delete and reset, and to redrive dead letters.</summary>
    Manage = 8,

    /// <summary>For the cluster: to grant rights, to create keys, and to read the service's own data.</summary>
    Admin = 16,

    /// <summary>All operations.</summary>
    All = Describe | Read | Write | Manage | Admin,
}

/// <summary>Extensions of <see cref="AccessOperations"/>.</summary>
public static class AccessOperationSets
{
    /// <summary>Returns the operations and what they imply: any operation implies <see cref="AccessOperations.Describe"/>.</summary>
    /// <param name="operations">The operations of a right.</param>
    public static AccessOperations WithImplied(this AccessOperations operations) =>
        operations == AccessOperations.None ? operations : operations | AccessOperations.Describe;
}
