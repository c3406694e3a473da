using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Acls;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Security;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Takes rights away by filters of access control lists. A filter that means a part of one right is refused with its reason.</summary>
/// <param name="rights">The rights.</param>
internal sealed class DeleteAclsHandler(AccessAdministration rights) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DeleteAclsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var filters = DeleteAclsRequest.Read(call.OpenBody()).Filters;
        new DeleteAclsAnswer(await DeleteAsync(call, filters)).Write(call.Answer);
    }

    private async Task<DeleteAclsResult[]> DeleteAsync(KafkaCall call, AclFilter[] filters)
    {
        try
        {
            var all = await rights.ListRightsAsync(call.Caller, principal: null, call.Closed);
            var changes = new List<RightChange>();
            DeleteAclsResult[] results = [.. filters.Select(filter => Find(filter, all, changes))];
            if (changes.Count > 0)
                await rights.ChangeRightsAsync(call.Caller, [.. changes], call.Closed);
            return results;
        }
        catch (Exception exception) when (Refusals.Of(exception, call.Closed) is { } refused)
        {
            return [.. filters.Select(_ => new DeleteAclsResult(AclOutcome.Of(refused), []))];
        }
    }

    /// <summary>Finds what a filter means, and adds what it changes.</summary>
    private static DeleteAclsResult Find(AclFilter filter, IReadOnlyList<AccessRight> all, List<RightChange> changes)
    {
        var (found, ofThis) = (new List<AclEntry>(), new List<RightChange>());
        foreach (var right in all)
        {
            AclEntry[] meant = [.. AclRights.EntriesOf(right).Where(entry => filter.Matches(entry))];
            if (meant.Length == 0)
                continue;
            var (outcome, removed) = AclRights.OperationsOf(right.Kind, [.. meant.Select(entry => entry.Operation)]);
            if (outcome.Error != KafkaError.None)
                return new DeleteAclsResult(outcome, []);
            found.AddRange(meant);
            ofThis.Add(new RightChange(right, Added: AccessOperations.None, removed));
        }

        changes.AddRange(ofThis);
        return new DeleteAclsResult(AclOutcome.Done, found);
    }
}
