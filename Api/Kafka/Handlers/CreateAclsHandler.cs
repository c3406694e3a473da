using System.Collections.Immutable;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Acls;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Security;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Gives rights by entries of access control lists. What can be given is; each other entry is refused with its reason.</summary>
/// <param name="rights">The rights.</param>
internal sealed class CreateAclsHandler(AccessAdministration rights) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => CreateAclsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var entries = CreateAclsRequest.Read(call.OpenBody()).Entries;
        var outcomes = new AclOutcome[entries.Length];
        var changes = new List<RightChange>();
        // Operations of one principal on one resource are one right.
        foreach (var place in Enumerable.Range(0, entries.Length).GroupBy(i => entries[i] with { Operation = default }))
        {
            var outcome = AclRights.TryRead([.. place.Select(i => entries[i])], out var right);
            foreach (var i in place)
                outcomes[i] = outcome;
            if (outcome.Error == KafkaError.None)
                changes.Add(new RightChange(right, Added: right.Operations, Removed: AccessOperations.None));
        }

        if (changes.Count > 0 && await ChangeAsync(call, [.. changes]) is { } refusal)
            outcomes = [.. outcomes.Select(outcome => outcome.Error == KafkaError.None ? refusal : outcome)];
        new CreateAclsAnswer(outcomes).Write(call.Answer);
    }

    private async Task<AclOutcome?> ChangeAsync(KafkaCall call, ImmutableArray<RightChange> changes)
    {
        try
        {
            await rights.ChangeRightsAsync(call.Caller, changes, call.Closed);
            return null;
        }
        catch (Exception exception) when (Refusals.Of(exception, call.Closed) is { } refused)
        {
            return AclOutcome.Of(refused);
        }
    }
}
