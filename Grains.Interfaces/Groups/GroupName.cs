using System.Buffers;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>The rules for names of groups and ids of members. Both are parts of URL paths and of names of documents.</summary>
public static class GroupName
{
    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>Checks a group's name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Null when it is valid, else what is wrong.</returns>
    public static StreamError? Validate(string name) => Validate(name, "group", GroupLimits.NameLengthMax);

    /// <summary>
    /// Checks a group's name where it need not stand in a path. Kafka's clients name their groups as they like; the store takes any text.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <returns>Null when it is valid, else what is wrong.</returns>
    public static StreamError? ValidateText(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= GroupLimits.NameLengthMax && !name.Any(char.IsControl)
            ? null
            : new StreamError(StreamErrorCode.InvalidGroupId,
                $"A group has 1 to {GroupLimits.NameLengthMax} characters, none of them a control character.")
            {
                Field = "group",
            };
    }

    /// <summary>Checks a member's id.</summary>
    /// <param name="member">The id.</param>
    /// <returns>Null when it is valid, else what is wrong.</returns>
    public static StreamError? ValidateMember(string member) => Validate(member, "member", GroupLimits.MemberLengthMax);

    private static StreamError? Validate(string text, string field, int lengthMax)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is > 0 && text.Length <= lengthMax && text is not ("." or "..") && !text.AsSpan().ContainsAnyExcept(Allowed)
            ? null
            : new StreamError(StreamErrorCode.InvalidRequest,
                $"A {field} has 1 to {lengthMax} characters of a-z, A-Z, 0-9, '.', '_', '-', and is neither '.' nor '..'.")
            {
                Field = field,
            };
    }
}
