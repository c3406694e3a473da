using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of DeleteGroups, versions 0 to 2.</summary>
/// <param name="Groups">The groups' names.</param>
/// <remarks>Version 2 is the first flexible one.</remarks>
internal readonly record struct DeleteGroupsRequest(string[] Groups)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DeleteGroups, Min: 0, Max: 2, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static DeleteGroupsRequest Read(WireReader reader)
    {
        var request = new DeleteGroupsRequest(reader.ReadStringArray());
        reader.SkipTags();
        return request;
    }
}

/// <summary>The answer to DeleteGroups.</summary>
/// <param name="Request">The request.</param>
/// <param name="Errors">Per group why it is not deleted.</param>
internal readonly record struct DeleteGroupsAnswer(DeleteGroupsRequest Request, IReadOnlyList<KafkaError> Errors)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteArrayLength(Errors.Count);
        for (var i = 0; i < Errors.Count; i++)
        {
            answer.WriteString(Request.Groups[i]);
            answer.WriteErrorCode((short)Errors[i]);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
