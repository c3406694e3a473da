namespace OrleansStream.Security;

/// <summary>A named set of operations, modelled on the roles of Azure's messaging services.</summary>
public enum AccessRole : byte
{
    /// <summary>Writes to topics.</summary>
    DataSender,

    /// <summary>Reads topics, alone and as a member of groups.</summary>
    DataReceiver,

    /// <summary>Reads, writes and manages topics and groups.</summary>
    DataOwner,

    /// <summary>May do everything, including granting rights and creating keys.</summary>
    Admin,
}

/// <summary>The operations and the names of the roles.</summary>
public static class AccessRoles
{
    private static readonly (AccessRole Role, string Name)[] Names =
    [
        (AccessRole.DataSender, "Data Sender"), (AccessRole.DataReceiver, "Data Receiver"), (AccessRole.DataOwner, "Data Owner"),
        (AccessRole.Admin, "Admin"),
    ];

    /// <summary>The names of all roles, from the one that allows least to the one that allows most.</summary>
    public static IEnumerable<string> AllNames => Names.Select(one => one.Name);

    /// <summary>Returns the operations that a role allows on a kind of resource.</summary>
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

    /// <summary>Returns a role's name.</summary>
    /// <param name="role">The role.</param>
    public static string NameOf(this AccessRole role) => Array.Find(Names, one => one.Role == role).Name;

    /// <summary>Finds the role with a name. The name may be written without blanks, because the values of Entra ID's app roles have none.</summary>
    /// <param name="name">The name, such as <c>Data Sender</c> or <c>DataSender</c>.</param>
    /// <returns>The role; null when no role has the name.</returns>
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
