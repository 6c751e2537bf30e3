// The inventory of the whole fleet: what there is of systems and applications, on how many nodes, and on which.

import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Tabs from "@cloudscape-design/components/tabs";

import { useQueryValue } from "../../app/place";
import { CountedNodes } from "./CountedNodes";
import { InventoryNodes } from "./InventoryNodes";
import { InventoryTypes } from "./InventoryTypes";

export default function InventoryPage() {
  const [tab, setTab] = useQueryValue("tab");
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="What nodes told of themselves, as the association that gathers inventory has them"
        >
          Inventory
        </Header>
      }
    >
      <Tabs
        activeTabId={tab === "" ? "systems" : tab}
        onChange={({ detail }) => setTab(detail.activeTabId)}
        tabs={[
          {
            id: "systems",
            label: "Systems",
            content: (
              <CountedNodes
                key="systems"
                id="inventory-systems"
                title="Operating systems"
                type="AWS:InstanceInformation"
                attributes={[
                  ["PlatformName", "Platform"],
                  ["PlatformVersion", "Version"],
                ]}
                empty="No node has told what it runs."
              />
            ),
          },
          {
            id: "applications",
            label: "Applications",
            content: (
              <CountedNodes
                key="applications"
                id="inventory-applications"
                title="Applications"
                type="AWS:Application"
                attributes={[
                  ["Name", "Application"],
                  ["Version", "Version"],
                ]}
                search="Name"
                empty="No node has told of applications yet. An association with AWS-GatherSoftwareInventory has nodes tell of them."
              />
            ),
          },
          { id: "types", label: "Types", content: <InventoryTypes /> },
          { id: "nodes", label: "Nodes", content: <InventoryNodes /> },
        ]}
      />
    </ContentLayout>
  );
}
