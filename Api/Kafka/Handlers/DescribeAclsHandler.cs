using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Acls;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells the service's rights as entries of access control lists.</summary>
/// <param name="rights">The rights.</param>
internal sealed class DescribeAclsHandler(AccessAdministration rights) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DescribeAclsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var filter = DescribeAclsRequest.Read(call.OpenBody()).Filter;
        try
        {
            var all = await rights.ListRightsAsync(call.Caller, principal: null, call.Closed);
            AclEntry[] entries = [.. all.SelectMany(AclRights.EntriesOf).Where(entry => filter.Matches(entry))];
            new DescribeAclsAnswer(AclOutcome.Done, entries).Write(call.Answer);
        }
        catch (Exception exception) when (Refusals.Of(exception, call.Closed) is { } refused)
        {
            new DescribeAclsAnswer(AclOutcome.Of(refused), []).Write(call.Answer);
        }
    }
}
