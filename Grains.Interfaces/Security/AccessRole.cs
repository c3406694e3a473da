namespace OrleansStream.Security;

/// <summary>A bundle of operations, as users of Azure's messaging services know them.</summary>
public enum AccessRole : byte
{
    /// <summary>Writes to topics.</summary>
    DataSender,

    /// <summary>Reads topics, alone and as a member of groups.</summary>
    DataReceiver,

    /// <summary>Reads, writes and manages topics and groups.</summary>
    DataOwner,

    /// <summary>All of it, and gives rights and keys.</summary>
    Admin,
}

/// <summary>What each role allows, and what it is called.</summary>
public static class AccessRoles
{
    private static readonly (AccessRole Role, string Name)[] Names =
    [
        (AccessRole.DataSender, "Data Sender"), (AccessRole.DataReceiver, "Data Receiver"), (AccessRole.DataOwner, "Data Owner"), (AccessRole.Admin, "Admin"),
    ];

    /// <summary>The names of all roles, from the least to the most.</summary>
    public static IEnumerable<string> AllNames => Names.Select(one => one.Name);

    /// <summary>What a role allows with one kind of resource.</summary>
    /// <param name="role">The role.</param>
    /// <param name="kind">The kind of resource.</param>
    public static AccessOperations OperationsOn(this AccessRole role, ResourceKind kind) => (role, kind) switch
    {
        (AccessRole.Admin, _) => AccessOperations.All,
        (AccessRole.DataOwner, ResourceKind.Cluster) => AccessOperations.Describe,
        (AccessRole.DataOwner, _) => AccessOperations.Describe | AccessOperations.Read | AccessOperations.Write | AccessOperations.Manage,
        (AccessRole.DataReceiver, ResourceKind.Topic or ResourceKind.Group) => AccessOperations.Describe | AccessOperations.Read,
        (AccessRole.DataSender, ResourceKind.Topic) => AccessOperations.Describe | AccessOperations.Write,
        _ => AccessOperations.None,
    };

    /// <summary>A role's name.</summary>
    /// <param name="role">The role.</param>
    public static string NameOf(this AccessRole role) => Array.Find(Names, one => one.Role == role).Name;

    /// <summary>The role of a name, written with or without blanks, as the values of Entra ID's app roles have none.</summary>
    /// <param name="name">The name, such as <c>Data Sender</c> or <c>DataSender</c>.</param>
    /// <returns>Null when no role is called so.</returns>
    public static AccessRole? Find(string name)
    {
        foreach (var (role, known) in Names)
        {
            if (name == known || name == role.ToString())
                return role;
        }

        return null;
    }
}
