using OrleansStream.Errors;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>The kinds of resources in Kafka's access control lists (KIP-11), by its numbers.</summary>
internal enum AclResource : sbyte
{
    /// <summary>In a filter: every kind.</summary>
    Any = 1,

    /// <summary>A topic.</summary>
    Topic = 2,

    /// <summary>A group.</summary>
    Group = 3,

    /// <summary>The cluster.</summary>
    Cluster = 4,
}

/// <summary>How a name is meant (KIP-290), by Kafka's numbers.</summary>
internal enum AclPattern : sbyte
{
    /// <summary>In a filter: in any way.</summary>
    Any = 1,

    /// <summary>In a filter: in any way by which the name is one of those that are meant.</summary>
    Match = 2,

    /// <summary>The name itself; <c>*</c> for every one.</summary>
    Literal = 3,

    /// <summary>Every name that begins so.</summary>
    Prefixed = 4,
}

/// <summary>The operations, by Kafka's numbers.</summary>
internal enum AclOperation : sbyte
{
    /// <summary>In a filter: every operation.</summary>
    Any = 1,

    /// <summary>Every operation on the kind of resource.</summary>
    All = 2,

    /// <summary>To read records; of a group, to be a member.</summary>
    Read = 3,

    /// <summary>To append records.</summary>
    Write = 4,

    /// <summary>To create.</summary>
    Create = 5,

    /// <summary>To delete.</summary>
    Delete = 6,

    /// <summary>To change; of the cluster, to change access control lists.</summary>
    Alter = 7,

    /// <summary>To see.</summary>
    Describe = 8,

    /// <summary>To see settings.</summary>
    DescribeConfigs = 10,

    /// <summary>To change settings.</summary>
    AlterConfigs = 11,
}

/// <summary>Whether an operation is allowed or denied, by Kafka's numbers.</summary>
internal enum AclPermission : sbyte
{
    /// <summary>In a filter: either.</summary>
    Any = 1,

    /// <summary>It is denied.</summary>
    Deny = 2,

    /// <summary>It is allowed.</summary>
    Allow = 3,
}

/// <summary>An entry of an access control list. Its fields may hold numbers that the enumerations do not name.</summary>
/// <param name="Resource">The kind of resource.</param>
/// <param name="Name">The resource's name, or a prefix of names.</param>
/// <param name="Pattern">How the name is meant.</param>
/// <param name="Principal">Whom it is for, such as <c>User:key:crawler</c>.</param>
/// <param name="Host">From where; <c>*</c> for anywhere.</param>
/// <param name="Operation">The operation.</param>
/// <param name="Permission">Whether it is allowed or denied.</param>
internal readonly record struct AclEntry(
    AclResource Resource, string Name, AclPattern Pattern, string Principal, string Host, AclOperation Operation, AclPermission Permission)
{
    /// <summary>The least bytes of one on the wire.</summary>
    public const int BytesMin = 7;

    /// <summary>Reads one.</summary>
    /// <param name="reader">Stands at it.</param>
    public static AclEntry Read(ref WireReader reader)
    {
        var entry = new AclEntry(
            (AclResource)reader.ReadInt8(), reader.ReadString(), (AclPattern)reader.ReadInt8(), reader.ReadString(), reader.ReadString(),
            (AclOperation)reader.ReadInt8(), (AclPermission)reader.ReadInt8());
        reader.SkipTags();
        return entry;
    }

    /// <summary>Writes what it is about.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void WriteResource(WireWriter answer)
    {
        answer.WriteInt8((sbyte)Resource);
        answer.WriteString(Name);
        answer.WriteInt8((sbyte)Pattern);
    }

    /// <summary>Writes who may do what.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void WriteOperation(WireWriter answer)
    {
        answer.WriteString(Principal);
        answer.WriteString(Host);
        answer.WriteInt8((sbyte)Operation);
        answer.WriteInt8((sbyte)Permission);
    }
}

/// <summary>Which entries are meant; null stands for every value of a field.</summary>
/// <param name="Resource">The kind of resource.</param>
/// <param name="Name">The name.</param>
/// <param name="Pattern">How the name is meant.</param>
/// <param name="Principal">Whom the entry is for.</param>
/// <param name="Host">The address that the right is for; null for any.</param>
/// <param name="Operation">The operation.</param>
/// <param name="Permission">Whether it is allowed or denied.</param>
internal readonly record struct AclFilter(
    AclResource Resource, string? Name, AclPattern Pattern, string? Principal, string? Host, AclOperation Operation, AclPermission Permission)
{
    /// <summary>The least bytes of one on the wire.</summary>
    public const int BytesMin = 7;

    private const string AnyName = "*";

    /// <summary>Reads one.</summary>
    /// <param name="reader">Stands at it.</param>
    public static AclFilter Read(ref WireReader reader)
    {
        var filter = new AclFilter(
            (AclResource)reader.ReadInt8(), reader.ReadNullableString(), (AclPattern)reader.ReadInt8(), reader.ReadNullableString(),
            reader.ReadNullableString(), (AclOperation)reader.ReadInt8(), (AclPermission)reader.ReadInt8());
        reader.SkipTags();
        return filter;
    }

    /// <summary>Tells whether an entry is meant.</summary>
    /// <param name="entry">The entry.</param>
    public bool Matches(in AclEntry entry) =>
        (Resource == AclResource.Any || Resource == entry.Resource) && MatchesName(entry)
        && (Principal is null || Principal == entry.Principal) && (Host is null || Host == entry.Host)
        && (Operation == AclOperation.Any || Operation == entry.Operation) && (Permission == AclPermission.Any || Permission == entry.Permission);

    private bool MatchesName(in AclEntry entry) => Pattern switch
    {
        AclPattern.Any => Name is null || Name == entry.Name,
        AclPattern.Match => Name is null || (entry.Pattern == AclPattern.Prefixed
            ? Name.StartsWith(entry.Name, StringComparison.Ordinal)
            : entry.Name is AnyName || entry.Name == Name),
        _ => Pattern == entry.Pattern && (Name is null || Name == entry.Name),
    };
}

/// <summary>That something could not be done, in Kafka's number and in words.</summary>
/// <param name="Error">The number.</param>
/// <param name="Message">The words; null without an error.</param>
internal readonly record struct AclOutcome(KafkaError Error, string? Message)
{
    /// <summary>That it was done.</summary>
    public static readonly AclOutcome Done = new(KafkaError.None, Message: null);

    /// <summary>That it was refused.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    public static AclOutcome Of(StreamError error) => new(KafkaErrors.Of(error), error.Detail);

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteErrorCode((short)Error);
        answer.WriteString(Message);
    }
}
